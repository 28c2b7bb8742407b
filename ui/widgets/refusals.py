"""How a field says that what was typed into it was refused."""

from PySide6.QtWidgets import QLineEdit


def mark_refused(field: QLineEdit, fault: str) -> None:
    """Give a field the edge of a refusal, and its reason to who listens; "" takes both away."""
    field.setAccessibleDescription(fault)
    is_refused = bool(fault)
    if is_refused is bool(field.property("refused")):
        return
    field.setProperty("refused", is_refused)
    field.style().unpolish(field)
    field.style().polish(field)
