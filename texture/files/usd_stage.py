"""What every USD file of ours has: units, axes, time codes, the node that turns the world, and the texture's material.

Metres, y up as phones and web viewers ask for; everything lies below /person/world, whose rotation takes the session's
z-up world there: (x, y, z) becomes (x, z, -y).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry.mesh import TriangleMesh
from texture.errors import DiskError, TextureError
from texture.files.time_codes import TimeCodes
from texture.files.usd_library import Gf, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt

ROOT = "/person"
WORLD = f"{ROOT}/world"
_WORLD_TO_USD_DEG = -90.0
"""About x."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewStage:
    """A USD stage in memory and its root."""

    stage: Any
    codes: TimeCodes

    def material(self, name: str, picture: str | None) -> Any:
        """A material below the root with a picture (a path relative to the file), or plain grey."""
        path = f"{ROOT}/materials/{name}"
        UsdGeom.Scope.Define(self.stage, f"{ROOT}/materials")
        material = UsdShade.Material.Define(self.stage, path)
        surface = UsdShade.Shader.Define(self.stage, f"{path}/surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(1.0)
        surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
        color = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        material.CreateSurfaceOutput().ConnectToSource(
            surface.CreateOutput(UsdShade.Tokens.surface, Sdf.ValueTypeNames.Token)
        )
        if picture is None:
            color.Set(Gf.Vec3f(0.75))
            return material
        reader = UsdShade.Shader.Define(self.stage, f"{path}/coordinates")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
        texture = UsdShade.Shader.Define(self.stage, f"{path}/texture")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(picture))
        texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
        for wrap in ("wrapS", "wrapT"):
            texture.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("clamp")
        texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(
            reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
        )
        color.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
        return material

    def mesh(self, path: str, surface: TriangleMesh, material: Any, textured: bool) -> Any:
        """A mesh at a path, its faces and texture coordinates; points and extent are left to the caller.

        Raises TextureError for a surface without faces, and for a texture without texture coordinates.
        """
        if not len(surface.faces):
            raise TextureError("a surface without faces has no place in a USD file; run the stage mesh again")
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        faces = surface.faces.astype("int32")
        mesh.CreateFaceVertexCountsAttr([3] * len(faces))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.ravel()))
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        if surface.uv is not None and surface.uv_faces is not None:
            st = UsdGeom.PrimvarsAPI(mesh.GetPrim()).CreatePrimvar(
                "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying
            )
            st.Set(Vt.Vec2fArray.FromNumpy(surface.uv.astype("float32")))
            st.SetIndices(Vt.IntArray.FromNumpy(surface.uv_faces.astype("int32").ravel()))
        elif textured:
            raise TextureError("the surface has no texture coordinates for its texture; run the stage mesh again")
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
        return mesh


@contextmanager
def new_stage(path: Path, codes: TimeCodes) -> Iterator[NewStage]:
    """A stage that is written to `path` (.usdc, or .usda for text) when the block ends without an error.

    Raises TextureError when the file cannot be written.
    """
    layer = Sdf.Layer.CreateAnonymous(path.suffix)
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(codes.rate_hz)
    stage.SetFramesPerSecond(codes.rate_hz)
    stage.SetStartTimeCode(float(codes.codes[0]))
    stage.SetEndTimeCode(float(codes.codes[-1]))
    root = UsdGeom.Xform.Define(stage, ROOT)
    Usd.ModelAPI(root.GetPrim()).SetKind("component")
    stage.SetDefaultPrim(root.GetPrim())
    world = UsdGeom.Xform.Define(stage, WORLD)
    world.AddRotateXOp().Set(_WORLD_TO_USD_DEG)
    world.GetPrim().SetDocumentation("the children are in a z-up world (floor at z = 0, metres), turned here to y up")
    yield NewStage(stage=stage, codes=codes)
    try:
        written = layer.Export(str(path))
    except Tf.ErrorException:  # its text is a listing of USD's sources
        written = False
    if not written:
        raise DiskError(f"{path} cannot be written; is the disk full?")
