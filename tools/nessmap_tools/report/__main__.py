"""python -m nessmap_tools.report OUT.nc"""

import sys

from . import main

sys.exit(main())
