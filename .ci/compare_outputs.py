"""When are a stored output and that of a fresh run the same? Words are; numbers and figures are up to a tolerance.

Versions of numpy, torch and BLAS, and processors, differ in the last bits. They reach a printed number when it is
rounded, or when a tie falls the other way. So: words must be equal; a number with decimals may differ by two units of
its last printed place or by half a percent, a whole number by two percent (below fifty, not at all); a figure may
differ by two pixels in width and height, and one pixel in a thousand may differ by more than a quarter of full scale
(one point of a curve of fifty that moves by a third of the height changes two in a thousand).
"""
import base64
import io
import os
import re

PLACES, RELATIVE, WHOLE = 2, 0.005, 0.02
PIXELS, STEP, SHARE = 2, 0.25, 0.001
NUMBER = re.compile(r"(?<![\w.])[-+\N{MINUS SIGN}]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def read(output: dict) -> dict:
    "What an output holds, by kind; the text beside a figure says only its size and is left out."
    if output["output_type"] == "stream":
        return {output.get("name", "stdout"): "".join(output["text"])}
    data = {kind: "".join(value) if isinstance(value, (list, str)) else str(value)
            for kind, value in output.get("data", {}).items()}
    picture = any(kind.startswith("image/") for kind in data)
    return {kind: value for kind, value in data.items() if not (picture and kind == "text/plain")}


def close(a: str, b: str) -> bool:
    "Are two written numbers the same up to the tolerance?"
    a, b = (text.replace("\N{MINUS SIGN}", "-") for text in (a, b))
    x, y = float(a), float(b)
    most = max(abs(x), abs(y))
    if not ("." in a + b or "e" in (a + b).lower()):
        return abs(x - y) <= WHOLE * most
    places = min(len(text.lower().split("e")[0].partition(".")[2]) for text in (a, b))
    power = max(int((text.lower().split("e") + ["0"])[1]) for text in (a, b))
    return abs(x - y) <= max(PLACES * 1.001 * 10.0 ** (power - places), RELATIVE * most)


def text_difference(old: str, new: str) -> str:
    "What differs between two texts; empty if nothing does."
    words = lambda text: [" ".join(part.split()) for part in NUMBER.split(text)]
    before, after = words(old), words(new)
    if before != after:
        a, b = " # ".join(before), " # ".join(after)  # numbers are compared below
        at = max(len(os.path.commonprefix([a, b])) - 30, 0)
        return f"its words changed: {a[at:at + 80]!r} became {b[at:at + 80]!r}"
    far = [(a, b) for a, b in zip(NUMBER.findall(old), NUMBER.findall(new)) if not close(a, b)]
    return f"{len(far)} numbers changed, the first {far[0][0]} to {far[0][1]}" if far else ""


def picture_difference(old: str, new: str) -> str:
    "What differs between two PNG figures written in base64; empty if nothing does."
    if old == new:
        return ""
    import numpy as np
    from matplotlib.image import imread

    a, b = (imread(io.BytesIO(base64.b64decode(text)), format="png") for text in (old, new))
    a, b = (image[..., None].repeat(3, axis=2) if image.ndim == 2 else image[..., :3] for image in (a, b))
    if any(abs(m - n) > PIXELS for m, n in zip(a.shape, b.shape)):
        return f"the figure's size changed from {a.shape[1]} x {a.shape[0]} to {b.shape[1]} x {b.shape[0]}"
    rows, columns = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    share = float((np.abs(a[:rows, :columns] - b[:rows, :columns]).max(axis=2) > STEP).mean())
    return f"{100 * share:.1f} % of the figure's pixels changed" if share > SHARE else ""


def differences(old: list, new: list, kinds_only: bool = False) -> list[str]:
    "What differs between the outputs of a cell, a sentence each; with `kinds_only` only what sort of outputs they are."
    before, after = [read(output) for output in old], [read(output) for output in new]
    if [sorted(o) for o in before] != [sorted(o) for o in after]:
        return [f"it put out {[sorted(o) for o in before]}, and now {[sorted(o) for o in after]}"]
    found = []
    for a, b in () if kinds_only else zip(before, after):
        for kind in a:
            compare = picture_difference if kind == "image/png" else text_difference
            found += [said] if (said := compare(a[kind], b[kind])) else []
    return list(dict.fromkeys(found))
