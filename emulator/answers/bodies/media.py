"""The bodies of images and videos: always the same pixel, and a video that is said to be done."""

import json
from base64 import b64encode

from ..answerers import Reply
from ..exchange import Answer, Asked, Usage
from ..prompts import input_tokens

# A PNG of one transparent pixel.
_PIXEL = b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
).decode()


def images(asked: Asked, _: Reply) -> Answer:
    """Images, as many as asked for."""
    usage = Usage(input_tokens(asked.body), 1056 * int(asked.body.get("n") or 1))
    body = {
        "created": asked.now,
        "background": "opaque",
        "data": [{"b64_json": _PIXEL} for _ in range(int(asked.body.get("n") or 1))],
        "output_format": asked.body.get("output_format") or "png",
        "quality": asked.body.get("quality") or "medium",
        "size": asked.body.get("size") or "1024x1024",
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": usage.input},
            "output_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        },
    }
    return Answer(200, json.dumps(body), usage)


def videos(asked: Asked, _: Reply) -> Answer:
    """A `video`."""
    body = {
        "id": f"video_{asked.digest}",
        "object": "video",
        "completed_at": asked.now,
        "created_at": asked.now,
        "error": None,
        "expires_at": asked.now + 86_400,
        "model": asked.body["model"],
        "progress": 100,
        "prompt": asked.body.get("prompt"),
        "remixed_from_video_id": None,
        "seconds": str(asked.body.get("seconds") or "4"),
        "size": asked.body.get("size") or "720x1280",
        "status": "completed",
    }
    return Answer(200, json.dumps(body), Usage(input_tokens(asked.body), 0))
