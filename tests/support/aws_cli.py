"""Which AWS CLI tests use: that of the environment they run in, whatever else is on PATH."""

import sys
from pathlib import Path

AWS = str(Path(sys.executable).with_name("aws"))
