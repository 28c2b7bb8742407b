"""What a folder holds, file by file, and how two differ: `python -m resources.packaging.contents A B`."""

import hashlib
import sys
from pathlib import Path


def listed(folder: Path) -> str:
    """Return one line a file, by name: SHA-256 or what a link points to, mode, name."""
    return "".join(
        sorted(
            (_line(path, folder) for path in folder.rglob("*") if path.is_symlink() or path.is_file()),
            key=_name,
        )
    )


def _line(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).as_posix()
    if path.is_symlink():
        return f"-> {path.readlink()}\tlink\t{name}\n"
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()}\t{path.stat().st_mode & 0o777:o}\t{name}\n"


def _name(line: str) -> str:
    return line.rpartition("\t")[2]


def differences(left: str, right: str) -> list[str]:
    """Name every file that two lists do not have alike, and how."""
    first, second = (
        {_name(line).rstrip("\n"): line for line in text.splitlines(keepends=True)} for text in (left, right)
    )
    found = [f"only in the first: {name}" for name in first.keys() - second.keys()]
    found += [f"only in the second: {name}" for name in second.keys() - first.keys()]
    found += [f"differs: {name}" for name in first.keys() & second.keys() if first[name] != second[name]]
    return sorted(found)


def main() -> int:
    """Compare two lists, or two folders; 1 if they differ."""
    left, right = (
        listed(Path(name)) if Path(name).is_dir() else Path(name).read_text() for name in sys.argv[1:3]
    )
    found = differences(left, right)
    print("\n".join(found) or "no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
