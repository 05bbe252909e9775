"""Steps of scripts/build_body_bank.py."""
