"""What drives in the traffic world: the catalogue as a hierarchy, and single vehicles drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from video_analysis.simulator.catalogue import car, carousel_bus, e_jeepney, light_truck, motorcycle, suv, utility, van
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.rendering.materials import PAINTS, SURFACES, Rgb, Surface
from video_analysis.simulator.rendering.mesh import Mesh
from video_analysis.simulator.rendering.textures import Picture, number_plate, shared_picture
from video_analysis.simulator.vehicles.paint import Paint, Skin, sample_paint

CATALOGUE: tuple[Model, ...] = (
    *car.MODELS,
    *suv.MODELS,
    *van.MODELS,
    *light_truck.MODELS,
    *utility.MODELS,
    *motorcycle.MODELS,
    *carousel_bus.MODELS,
    *e_jeepney.MODELS,
)
SHARES = {
    "Car": 0.26, "SUV": 0.16, "Van": 0.11, "LightTruck": 0.09, "Utility": 0.10,
    "Motorcycle": 0.15, "CarouselBus": 0.05, "E-Jeepney": 0.08,
}  # fmt: skip
"""How much of the traffic each type is."""
_CLOTHES: tuple[Rgb, ...] = (
    (0.4, 0.03, 0.03), (0.03, 0.08, 0.3), (0.5, 0.5, 0.5), (0.02, 0.02, 0.02), (0.03, 0.2, 0.08),
    (0.5, 0.35, 0.03), (0.12, 0.12, 0.13), (0.45, 0.12, 0.02),
)  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def hierarchy() -> dict[str, dict[str, list[str]]]:
    """type → make → models, as a main model's labels name them."""
    tree: dict[str, dict[str, list[str]]] = {}
    for one in CATALOGUE:
        tree.setdefault(one.type, {}).setdefault(one.make, []).append(one.model)
    return tree


@dataclass(frozen=True)
class Look:
    """One vehicle as it stands in a dealer's yard: model, variant, colours, plate."""

    model: Model
    variant: int
    paints: tuple[Paint, ...]
    plate: str
    coats: dict[str, Surface]

    @property
    def mesh(self) -> Mesh:
        """Its body."""
        return self.model.mesh(self.variant)

    @cached_property
    def dark(self) -> Skin:
        """Its materials with the lamps off."""
        return Skin.of(self.coats)

    @cached_property
    def lit(self) -> Skin:
        """Its materials with the lamps on."""
        return Skin.of(self.coats | _glowing(head=1.4, tail=0.25))

    @cached_property
    def braking(self) -> Skin:
        """Its materials with the brake lamps on, head lamps off."""
        return Skin.of(self.coats | _glowing(head=0.0, tail=0.5))

    @cached_property
    def braking_lit(self) -> Skin:
        """Its materials with head and brake lamps on."""
        return Skin.of(self.coats | _glowing(head=1.4, tail=1.0))

    def skin(self, *, lamps: bool, brakes: bool) -> Skin:
        """The materials for a state of the lamps."""
        if lamps:
            return self.braking_lit if brakes else self.lit
        return self.braking if brakes else self.dark

    @cached_property
    def _plate_picture(self) -> Picture:
        return number_plate(self.plate, self.model.yellow_plate)

    def picture(self, name: str) -> Picture:
        """The picture of that name on this vehicle (textures.Pictures)."""
        return self._plate_picture if name == "plate" else shared_picture(name)


def sample_look(rng: np.random.Generator, model: Model | None = None) -> Look:
    """Draw a vehicle: any, or one of a given model."""
    chosen = model or _sample_model(rng)
    paints: list[Paint] = []
    for palette in chosen.palettes[: chosen.coats]:
        paints.append(sample_paint(rng, palette, paints[-1].base if paints else None))
    coats = {name: paint.surface() for name, paint in zip(PAINTS, paints, strict=False)}
    for name in ("cloth", "cargo"):
        coats[name] = Surface(_CLOTHES[int(rng.integers(len(_CLOTHES)))])
    coats["trousers"] = Surface(((0.05, 0.06, 0.1), (0.03, 0.03, 0.03), (0.2, 0.16, 0.1))[int(rng.integers(3))])
    coats["helmet"] = Surface(_CLOTHES[int(rng.integers(len(_CLOTHES)))], 0.05, 0.8)
    return Look(chosen, int(rng.integers(chosen.variants)), tuple(paints), _plate(rng, chosen), coats)


def _sample_model(rng: np.random.Generator) -> Model:
    types = list(SHARES)
    drawn = types[int(rng.choice(len(types), p=list(SHARES.values())))]
    models = [one for one in CATALOGUE if one.type == drawn]
    return models[int(rng.integers(len(models)))]


def _plate(rng: np.random.Generator, model: Model) -> str:
    """A Philippine number: three letters and four digits, for motorcycles three digits and three letters."""
    letters = "".join(_LETTERS[int(i)] for i in rng.integers(len(_LETTERS), size=3))
    if model.type == "Motorcycle":
        return f"{int(rng.integers(100, 1000))} {letters}"
    return f"{letters} {int(rng.integers(1000, 10000))}"


def _glowing(head: float, tail: float) -> dict[str, Surface]:
    def lit(name: str, glow: Rgb) -> Surface:
        plain = SURFACES[name]
        return Surface(plain.albedo, plain.mirror, plain.gloss, plain.flake, glow)

    return {
        "lamp": lit("lamp", (head, head * 0.97, head * 0.85)),
        "drl": lit("drl", (head * 0.8, head * 0.8, head * 0.8)),
        "tail": lit("tail", (tail, tail * 0.05, tail * 0.06)),
    }
