"""Questions about paths that strangers wrote: names that are too long or hold a NUL are answered, not raised."""

from pathlib import Path


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False for a name that no file system takes."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Whether there is a file; False for a name that no file system takes."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_special(path: Path) -> bool:
    """Whether there is something that is neither file nor folder, such as /dev/null, which must not be replaced."""
    try:
        return path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, ValueError):
        return False
