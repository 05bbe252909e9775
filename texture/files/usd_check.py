"""What the validators that come with USD say about a file."""

from __future__ import annotations

from pathlib import Path

from texture.errors import TextureError
from texture.files.usd_library import Tf, Usd, UsdValidation


def usd_problems(path: Path) -> list[str]:
    """One line for each error or warning of all validators of usd-core; none for a clean file.

    Raises TextureError when the file cannot be opened.
    """
    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise TextureError(f"{path} cannot be opened as USD ({error})") from None
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    found = UsdValidation.ValidationContext(validators).Validate(stage)
    return [f"{error.GetIdentifier()}: {error.GetMessage()}" for error in found]
