"""All that is published, as one folder for any web space: no server computes anything.

    python .github/pages.py FOLDER

writes the playground into FOLDER/play, the guides as notebooks that run in a browser into
FOLDER/lite, and the documentation, which leads to both, into FOLDER. This needs
`pip install '.[docs,lite,test]'`, Node.js with npm, and the registries of both while it runs.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main(folder: Path) -> None:
    """Write everything into `folder`."""
    for program, *options in (
        ("examples/browser/build.py", "--out", folder / "play"),
        ("examples/browser/build.py", "--lite", "--out", folder / "lite"),
        (".github/site.py", folder),
    ):
        subprocess.run([sys.executable, ROOT / program, *options], check=True)  # noqa: S603


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]).resolve())
