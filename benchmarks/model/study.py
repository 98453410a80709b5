"""The model as a study of ferrocast."""

from mc.study import Input, Output, Prior, Study
from model.in_jax import outputs
from model.tables import PROVINCES, ROWS, YEARS, constants


def study(copies: int = 1) -> Study:
    """Inputs in the order of their table, which is that of their Sobol' dimensions; provinces stand `copies` times."""
    provinces = PROVINCES if copies == 1 else tuple(f"{name} {at}" for at in range(copies) for name in PROVINCES)
    return Study(
        name="benchmark model",
        inputs=tuple(
            Input(row.name, (Prior(row.family, row.low, row.mid, row.high),), dimensions=(at,))
            for at, row in enumerate(ROWS)
        ),
        outputs=(
            Output("co2", "Mt year-1", ("year",), "CO2"),
            Output("co2_by_province", "Mt year-1", ("province", "year"), "CO2 by province"),
            Output("co2_cumulative", "Mt", (), "CO2 of all years"),
            Output("stock", "Mt", ("year",), "Steel in use"),
            Output("scrap", "Mt year-1", ("year",), "Scrap"),
        ),
        coords={"province": provinces, "year": tuple(range(2020, 2020 + YEARS))},
        data=constants(copies),
        function=outputs,
    )
