"""Maps, against tf-explain's inner methods (its `explain` also colours a picture)."""

import numpy as np

from benchmarks.measure import Row, against, seconds

HEIGHT, WIDTH, PAGES, STEPS, PATCH = 128, 224, 8, 32, 32


def maps_of_pages() -> list[Row]:
    """Grad-CAM, integrated gradients and occlusion of eight pages, one network."""
    from ecgstudy.explanation import crosscheck, maps
    from ecgstudy.models import build, registry
    from ecgstudy.training.answers import NetworkAnswer

    row = registry.model_row("efficientnet_lite0")
    answer = NetworkAnswer(build.network(row, height=HEIGHT, width=WIDTH).model, row.tap or "features")
    shown = np.random.default_rng(0).integers(0, 256, (PAGES, HEIGHT, WIDTH, 3)).astype(np.float32)
    classes = np.arange(PAGES) % 4
    logits = crosscheck._up_to(answer.model, "logits")
    black = np.zeros((HEIGHT, WIDTH, 3), np.float32)

    theirs = {
        "gradcam": lambda p, c: crosscheck._their_gradcam(logits, answer.tap_name, p, c, guided=False),
        "integrated_gradients": lambda p, c: crosscheck.their_gradients(answer, p, c, steps=STEPS),
        "occlusion": lambda p, c: crosscheck.their_occlusion(answer, p, c, patch=PATCH),
    }
    settings = {
        "gradcam": {},
        "integrated_gradients": {"baseline": black, "most_steps": STEPS},
        "occlusion": {"size": PATCH},
    }
    rows = []
    for method, asked in theirs.items():

        def ours(method: str = method) -> float:
            return seconds(lambda: maps.explain(answer, shown, classes, method=method, **settings[method]))

        def their(asked=asked) -> float:
            return seconds(lambda: [asked(p, int(c)) for p, c in zip(shown, classes, strict=True)])

        ours()  # traced once, as in any study
        note = f"{PAGES} pages, EfficientNet-Lite0, {HEIGHT} x {WIDTH}"
        rows.append(against(method.replace("_", " "), ours, their, goal=5, note=note))
    return rows


BENCHMARKS = (maps_of_pages,)
