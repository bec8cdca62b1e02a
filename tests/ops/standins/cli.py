"""A stand-in for the commands: notes what it is asked for, makes a demo file, fails an import while `import-must-fail` is there."""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ["GATEHOUSE_DATA_DIR"])
command, *arguments = sys.argv[1:]
with (FOLDER / "notes.txt").open("a") as file:
    file.write(f"{command} {len(arguments)}\n")
match command:
    case "demo-data":
        demo = Path(arguments[0])
        demo.mkdir(parents=True, exist_ok=True)
        (demo / "remittance.835").write_text("ISA")
        (demo / "example.json").write_text(
            json.dumps({"files": ["remittance.835"], "check": {"tin": "001234567", "document_number": "4711"}})
        )
    case "import" if (FOLDER / "import-must-fail").exists():
        print("the import stand-in can't read that", file=sys.stderr)
        sys.exit(1)
