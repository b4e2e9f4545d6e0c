"""`python -m nbgraph.cli` is the command `nbgraph`."""

import sys

from nbgraph.cli import main

sys.exit(main())
