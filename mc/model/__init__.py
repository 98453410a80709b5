"""One draw of the world: what the equations of the steel chain say, from income to emissions."""
