"""How the open body is made from Anny; run by scripts/build_open_body.py."""
