"""Scrap between provinces: the problem of one year, and the policies that answer it."""
