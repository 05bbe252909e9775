"""USD's own library, imported in this one place: it comes without types, so its modules are `Any` to the checker."""

from __future__ import annotations

from typing import Any

import pxr.Gf
import pxr.Sdf
import pxr.Tf
import pxr.Usd
import pxr.UsdGeom
import pxr.UsdShade
import pxr.UsdSkel
import pxr.UsdUtils
import pxr.UsdValidation
import pxr.Vt

Gf: Any = pxr.Gf
Sdf: Any = pxr.Sdf
Tf: Any = pxr.Tf
Usd: Any = pxr.Usd
UsdGeom: Any = pxr.UsdGeom
UsdShade: Any = pxr.UsdShade
UsdSkel: Any = pxr.UsdSkel
UsdUtils: Any = pxr.UsdUtils
UsdValidation: Any = pxr.UsdValidation
Vt: Any = pxr.Vt
