"""What the page says of a session as a whole: what it is, and how far to trust it."""

from __future__ import annotations

from capture.session import Session


def about_session(session: Session) -> list[str]:
    """Lines for people: the verdict first."""
    from humanrig.trust.judge import judge

    verdict = judge(session)
    info = session.info
    told = [f"action {info.action}" if info.action else "", f"subject {info.subject}" if info.subject else ""]
    words = ", ".join(part for part in (*told, f"{len(info.devices)} devices", info.origin) if part)
    return [verdict.line, words]
