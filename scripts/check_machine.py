"""Checks what this machine must bring, before and after installation, and names the fix; standard library only."""

import platform
import sys

MINIMUM = (3, 11)
GLIBC = (2, 35)
"""The wheel with the Azure Kinect libraries, pyk4a-bundle 1.5.0, is built for it: Ubuntu 22.04, Debian 12."""


def before() -> list[str]:
    """What is missing before anything is installed."""
    problems = []
    if sys.version_info < MINIMUM:
        problems.append(f"Python {platform.python_version()} is too old; pass one: make PYTHON=python3.11")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        problems.append("this Python has no venv module; on Debian: apt-get install python3-venv")
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        problems.append(
            f"{platform.system()} {platform.machine()} is untested; Linux x86_64 is what the locked wheels fit"
        )
    libc, version = platform.libc_ver()
    if libc == "glibc" and tuple(int(part) for part in version.split(".")[:2]) < GLIBC:
        problems.append(f"glibc {version} is too old, the Azure Kinect libraries need 2.35; use Ubuntu 22.04 or later")
    return problems


def after() -> list[str]:
    """What is missing once the packages are there: shared libraries that no wheel brings."""
    from geometry.errors import GeometryError
    from geometry.open3d_loading import load_open3d

    try:
        load_open3d()
    except GeometryError as error:
        return [str(error)]
    return []


def main() -> int:
    """Prints each problem with its fix; exit code 1 when there is one."""
    problems = before() if sys.argv[1:] == ["before"] else after()
    for problem in problems:
        print(f"check_machine: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
