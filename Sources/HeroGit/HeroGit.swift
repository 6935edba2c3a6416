// Rule: git is read through its own files and its own program; nothing in a repository is changed.
