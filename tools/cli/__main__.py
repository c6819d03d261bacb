"""`python -m tools.cli`: what `./tenure` hands over to."""

import sys

from tools.cli.main import main

sys.exit(main(sys.argv[1:]))
