"""The error answers of the contract."""

from starlette.responses import JSONResponse

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse(
            {"error": {"reason": reason, "message": message, "trace_id": TRACE}},
            status,
            {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        )
