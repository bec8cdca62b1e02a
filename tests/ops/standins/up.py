"""Runs the real supervisor with the stand-ins of this folder in place of the programs."""

from pathlib import Path

from ops.leaving import leave
from ops.up import main

HERE = Path(__file__).parent
names = {"site": "serve.py", "worker": "worker.py", "codec": "codec.py", "command": "cli.py"}
leave(main(programs={program: (str(HERE / file),) for program, file in names.items()}))
