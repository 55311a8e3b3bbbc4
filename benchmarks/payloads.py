"""Events of an exact size, in valid JSON."""

import json
from collections.abc import Iterator
from pathlib import Path

WARM_BYTES = 64


def long_string(size: int) -> bytes:
    """A document with one long string."""
    frame = b'{"text":"%s"}'
    return frame % (b"a" * (size - len(frame % b"")))


def nested(size: int) -> bytes:
    """A batch of orders, as from a queue or a webhook, padded with a string to the exact size."""
    orders: list[str] = []
    length = len('{"orders":[],"padding":""}')
    for order in _orders():
        text = json.dumps(order, ensure_ascii=False)
        if length + len(text.encode()) + 1 > size:
            break
        orders.append(text)
        length += len(text.encode()) + 1
    frame = '{"orders":[%s],"padding":"%s"}'
    missing = size - len((frame % (",".join(orders), "")).encode())
    return (frame % (",".join(orders), "p" * missing)).encode()


def write(directory: Path, name: str, payload: bytes) -> Path:
    path = directory / name
    path.write_bytes(payload)
    return path


def _orders() -> Iterator[dict[str, object]]:
    number = 0
    while True:
        number += 1
        yield {
            "id": f"order-{number:08d}",
            "placed": f"2024-03-{number % 28 + 1:02d}T12:{number % 60:02d}:00.000Z",
            "paid": number % 3 != 0,
            "coupon": None if number % 5 else "FRÜHLING",
            "customer": {
                "name": 'Zoë Quotes "Q" O\'Neill',
                "address": {"street": f"Rue de l'Église {number % 200}", "city": "Québec", "zip": "G1R 4S9"},
                "position": [46.8123 + number / 1e6, -71.2145 - number / 1e6],
            },
            "items": [_item(number, line) for line in range(1 + number % 4)],
            "notes": "left at the door\nrang twice",
        }


def _item(number: int, line: int) -> dict[str, object]:
    price = round(0.99 + (number * 7 + line) % 500 / 4, 2)
    return {"sku": f"SKU-{number * 31 % 9973}-{line}", "quantity": 1 + line, "price": price, "tags": ["new", "gift"]}
