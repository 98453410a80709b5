"""Draw i of every input, a pure function of (seed, i, input name).

The same for any batch, device, order or restart, and when another input is added. The host fits and lays out once; the
graph reads arrays only, so that a changed prior does not recompile.
"""

from mc.draws.build import plan_draws as plan_draws
from mc.draws.plan import DrawPlan as DrawPlan
