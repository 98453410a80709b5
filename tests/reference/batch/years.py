"""The years of a batch of draws under several policies: arrays [draw, scenario, province, ...]."""

from typing import Any

import numpy as np
from reference.batch.paths import pour, ratio
from reference.batch.supply import Start, Supply, electric_charge, hot_metal_charge
from reference.batch.technology import Bounds, Routes

MARKET_STEPS = 8


class Freight:
    def __init__(self, inputs: Any, nearest: np.ndarray) -> None:
        freight, distance = inputs.freight, inputs.distances.distance
        self.haul = distance + freight.own_province_haul[:, None, None]
        rail, road = freight.rail_share * freight.circuity_rail, (1.0 - freight.rail_share) * freight.circuity_road
        self.co2 = (road * freight.road_co2 + rail * freight.rail_co2) / 1000.0
        self.cost = road * freight.road_cost + rail * freight.rail_cost
        self.loading = (1.0 - freight.rail_share) * freight.road_fixed + freight.rail_share * freight.rail_fixed
        self.pull = np.exp(-self.haul / freight.gravity_distance[:, None, None])
        self.nearest = nearest


def autarky(
    supply: np.ndarray, room: np.ndarray, freight: Freight, memory: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    offered = freight.nearest * supply[:, :, None]
    return offered * np.minimum(1.0, ratio(room, offered.sum(axis=1)))[:, None, :], memory


def pro_rata(supply: np.ndarray, room: np.ndarray, _: Freight, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = supply.sum(axis=1, keepdims=True)
    arrivals = room * np.minimum(1.0, ratio(total, room.sum(axis=1, keepdims=True)))
    return ratio(supply, total)[:, :, None] * arrivals[:, None, :], memory


def market(supply: np.ndarray, room: np.ndarray, freight: Freight, memory: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    balance = (room.sum(axis=1) - supply.sum(axis=1))[:, None]
    shortage, surplus = np.maximum(balance, 0.0), np.maximum(-balance, 0.0)
    columns, idle, pull = memory, np.zeros_like(balance), freight.pull
    for _ in range(MARKET_STEPS):
        rows = ratio(supply, (pull @ columns[..., None])[..., 0] + idle)
        idle, spare = (
            ratio(surplus, rows.sum(axis=1, keepdims=True)),
            ratio(shortage, columns.sum(axis=1, keepdims=True)),
        )
        columns = ratio(room, (rows[:, None, :] @ pull)[:, 0] + spare)
    rows = ratio(supply, (pull @ columns[..., None])[..., 0] + idle)
    flows = rows[:, :, None] * pull * columns[:, None, :]
    return flows * np.minimum(1.0, ratio(room, flows.sum(axis=1)))[:, None, :], columns


POLICIES = {"autarky": autarky, "market": market, "pro_rata": pro_rata}


class Years:
    """Walks through the years; results have axes [draw, scenario, year, province, ...]."""

    def __init__(self, inputs: Any, world: Any, routes: Routes, bounds: Bounds, cost: np.ndarray) -> None:
        self.inputs, self.routes, self.bounds, self.world = inputs, routes, bounds, world
        self.freight = Freight(inputs, np.asarray(world.nearest))
        uptake = inputs.uptake
        bias = uptake.choice_bias_sd[:, None, None] * uptake.choice_noise
        self.logit = -(cost[:, :, None, :] + bias[:, None]) / uptake.choice_scale[:, None, None, None]
        self.years = np.asarray(world.years)
        self.charge = hot_metal_charge(inputs.iron, self.years)

    def start(self, start: Start, supply: Supply, output: np.ndarray, policies: tuple[str, ...]) -> None:
        uptake, kind = self.inputs.uptake, self.routes.kind
        draws, provinces, last = output.shape
        size = (draws, len(policies))
        self.policies, self.output, self.supply = policies, np.swapaxes(output, 1, 2), supply
        iron = np.maximum(uptake.blast_furnace_capacity_2020, start.hot_metal)
        capacity = iron[..., None] * kind["base"] + start.electric[..., None] * kind["scrap"]
        self.capacity = np.repeat(capacity[:, None], len(policies), axis=1)
        self.calendar = np.repeat(self.first_calendar(iron)[:, None], len(policies), axis=1)
        self.electric = np.repeat(start.electric[:, None], len(policies), axis=1)
        self.memory = np.broadcast_to(np.asarray(self.world.makes_steel), (*size, provinces)).copy()
        shape = (*size, last, provinces)
        self.production, self.hot_metal = np.zeros((*shape, len(kind["base"]))), np.zeros((*shape, len(kind["base"])))
        self.scrap, self.arrivals, self.work = np.zeros((*shape, 3)), np.zeros(shape), np.zeros(shape)
        self.unmet, self.wasted, self.electric_room = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.traded, self.residual, self.violation = np.zeros(shape[:3]), np.zeros(shape[:3]), np.zeros(shape[:3])
        converter = output[:, :, 0] - start.electric
        self.production[:, :, 0] = (converter[..., None] * kind["base"] + start.electric[..., None] * kind["scrap"])[
            :, None
        ]
        self.hot_metal[:, :, 0] = (start.hot_metal[..., None] * kind["base"])[:, None]
        self.scrap[:, :, 0, :, 0] = start.converter_scrap[:, None]
        self.scrap[:, :, 0, :, 1] = (start.scrap - start.converter_scrap)[:, None]
        self.arrivals[:, :, 0] = (start.scrap - supply.home[:, :, 0])[:, None]
        for t in range(1, last):
            self.step(t)

    def first_calendar(self, fleet: np.ndarray) -> np.ndarray:
        """[draw, province, slot]; slots reach a campaign beyond the last year."""
        uptake = self.inputs.uptake
        added = np.maximum(np.diff(self.inputs.demand.crude_steel_history, axis=1), 0.0)[:, -40:]
        ages = np.arange(added.shape[1])[::-1]
        weights = added * (ages < uptake.campaign_history[:, None])
        weights = weights / weights.sum(axis=1, keepdims=True)
        campaign = uptake.campaign[:, None, None]
        worn = np.mod(ages + uptake.campaign_phase[:, :, None] * campaign, campaign)
        due = np.maximum(campaign - worn, 1.0)
        calendar = np.zeros((*fleet.shape, len(self.years) + 42))
        for age in range(added.shape[1]):
            self.put(calendar, due[:, :, age], weights[:, age, None] * fleet)
        return calendar

    def put(self, calendar: np.ndarray, moment: np.ndarray, size: np.ndarray) -> None:
        """Add capacity due at a moment between two slots."""
        slot = np.floor(moment).astype(int)
        part = moment - slot
        where = np.ogrid[tuple(slice(0, n) for n in size.shape)]
        calendar[(*where, slot)] += size * (1.0 - part)
        calendar[(*where, slot + 1)] += size * part

    def step(self, t: int) -> None:
        place = ratio(self.output[:, t], self.output[:, t].sum(axis=1, keepdims=True))[:, None, :, None]
        highest = (self.capacity * self.routes.kind["scrap"]).sum(axis=-1)
        self.retire(t)
        limit = self.room(t, place)
        self.build(t, limit, place)
        self.retrofit(t, limit, place)
        limits, home = self.scrap_uses(t, highest)
        room = limits.sum(axis=-1) - home.sum(axis=-1)
        self.electric_room[:, :, t] = (limits - home)[..., 1]
        for s, name in enumerate(self.policies):
            supply = self.supply.purchased[:, :, t]
            flows, self.memory[:, s] = POLICIES[name](supply, room[:, s], self.freight, self.memory[:, s])
            self.book(t, s, name, flows, supply, room[:, s])
        charged = pour(home.sum(axis=-1) + self.arrivals[:, :, t], limits)
        self.run(t, charged)

    def retire(self, t: int) -> None:
        uptake, plain = self.inputs.uptake, self.routes.plain
        early = (uptake.early_retirement * (self.years[t] >= uptake.early_retirement_from))[:, None, None]
        slots = np.arange(self.calendar.shape[-1])
        unused = np.clip((slots - t) / uptake.campaign[:, None], 0.0, 1.0)
        self.wasted[:, :, t] = early * (self.calendar * unused[:, None, None, :]).sum(axis=-1)
        self.calendar *= 1.0 - early[..., None]
        self.capacity *= 1.0 - early[..., None] * self.routes.furnace
        due = self.calendar[..., t].copy()
        share = ratio(due, self.calendar.sum(axis=-1))[..., None]
        off = (self.capacity * plain * share).sum(axis=-1)
        self.capacity *= 1.0 - plain * share
        self.calendar[..., t] = 0.0
        self.put(self.calendar, np.broadcast_to(t + uptake.campaign[:, None, None], due.shape), due - off)

    def room(self, t: int, place: np.ndarray) -> np.ndarray:
        uptake = self.inputs.uptake

        def each(name: str) -> np.ndarray:
            return np.asarray(getattr(uptake, name))[:, None, None, None]

        iron = (self.capacity * self.routes.furnace).sum(axis=-1, keepdims=True)
        gas = each("cap_per_coke") * each("coke_per_hot_metal") * iron
        most = self.bounds.ceiling[:, t, None, None, :] * place
        most = np.where(uptake.coke_limited[:, None, None, :] > 0, np.minimum(most, gas), most)
        seed = each("new_route_seed") * place * self.bounds.available[:, t, None, None, :]
        reach = each("new_route_growth") * self.capacity + seed
        return np.asarray(np.clip(most - self.capacity, 0.0, reach))

    def choice(self, t: int, rivals: np.ndarray) -> np.ndarray:
        """Logit shares [draw, 1, province, route] among rivals [draw, route]."""
        logit = np.where(rivals[:, None, :] > 0, self.logit[:, t], -np.inf)
        highest = logit.max(axis=-1, keepdims=True)
        weight = np.exp(logit - np.where(np.isfinite(highest), highest, 0.0))
        return ratio(weight, weight.sum(axis=-1, keepdims=True))[:, None]

    def asked(self, t: int, place: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(self.bounds.floor[:, t, None, None, :] * place - self.capacity, 0.0))

    def build(self, t: int, limit: np.ndarray, place: np.ndarray) -> None:
        routes, unit = self.routes, self.bounds.unit[:, None, None, :]
        output = self.output[:, t, None, :]
        steel = (self.capacity * (1.0 - routes.kind["scrap"]) / unit).sum(axis=-1)
        gap = np.maximum(output - np.minimum(self.electric, output) - steel, 0.0)
        chosen = self.choice(t, routes.primary * self.bounds.available[:, t] + routes.kind["best"])
        wanted = chosen * gap[..., None] * unit
        self.capacity += np.minimum(np.maximum(wanted, self.asked(t, place)), limit) * routes.primary

    def retrofit(self, t: int, limit: np.ndarray, place: np.ndarray) -> None:
        routes = self.routes
        plain = self.capacity * routes.plain
        pool = plain.sum(axis=-1, keepdims=True)
        rate = self.inputs.uptake.retrofit_rate[:, None, None, None]
        wanted = self.choice(t, routes.kind["retrofit"] * self.bounds.available[:, t]) * rate * pool
        added = np.minimum(np.maximum(wanted, self.asked(t, place)), limit) * routes.kind["retrofit"]
        added *= np.minimum(1.0, ratio(pool, added.sum(axis=-1, keepdims=True)))
        self.capacity += added - plain * ratio(added.sum(axis=-1, keepdims=True), pool)

    def scrap_uses(self, t: int, highest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        iron, uptake, output = self.inputs.iron, self.inputs.uptake, self.output[:, t, None, :]
        grown = (1.0 + uptake.eaf_growth)[:, None, None] * highest + uptake.eaf_seed[:, None, None] * output
        reach = np.minimum(grown, output)
        own = (self.capacity * self.routes.kind["direct"]).sum(axis=-1)
        converter = np.maximum(output - reach - own, 0.0)
        rate, _ = electric_charge(iron, self.charge[:, t])
        cooling = np.minimum(iron.converter_scrap_base, iron.converter_scrap_max)
        extra = (iron.converter_scrap_max - cooling)[:, None, None]
        limits = np.stack([cooling[:, None, None] * converter, rate[:, None, None] * reach, extra * converter], axis=-1)
        home = np.broadcast_to(self.supply.home[:, None, :, t], limits.shape[:3])
        return limits, pour(home, limits)

    def book(self, t: int, s: int, name: str, flows: np.ndarray, supply: np.ndarray, room: np.ndarray) -> None:
        self.arrivals[:, s, t] = flows.sum(axis=1)
        self.work[:, s, t] = (flows * self.freight.haul).sum(axis=1)
        total = flows.sum(axis=(1, 2))
        self.traded[:, s, t] = total - np.trace(flows, axis1=1, axis2=2)
        placeable = total if name == "autarky" else np.minimum(supply.sum(axis=1), room.sum(axis=1))
        self.residual[:, s, t] = ratio(placeable - total, supply.sum(axis=1))
        over = np.maximum((flows.sum(axis=2) - supply).max(axis=1), (flows.sum(axis=1) - room).max(axis=1))
        self.violation[:, s, t] = np.maximum(over, 0.0)

    def run(self, t: int, scrap: np.ndarray) -> None:
        iron, kind, output = self.inputs.iron, self.routes.kind, self.output[:, t, None, :]
        rate, hot_rate = (each[:, None, None] for each in electric_charge(iron, self.charge[:, t]))
        electric = np.minimum(scrap[..., 1] / rate, output)
        own = pour(output - electric, self.capacity * kind["direct"])
        wanted = np.maximum(output - electric - own.sum(axis=-1), 0.0)
        per_steel = (iron.content_steel / iron.yield_converter / iron.content_hot_metal)[:, None, None]
        spared = (iron.content_scrap / iron.content_hot_metal)[:, None, None] * (scrap[..., 0] + scrap[..., 2])
        for_converter, for_electric = np.maximum(per_steel * wanted - spared, 0.0), hot_rate * electric
        furnaces = self.capacity * self.routes.hot
        short = np.maximum(for_converter + for_electric - furnaces.sum(axis=-1), 0.0)
        missing = short * (self.years[t] >= self.inputs.uptake.reline_ban_from)[:, None, None]
        added = short - missing
        hot_metal = pour(for_converter + for_electric - missing, furnaces + added[..., None] * kind["best"])
        on = 1.0 - np.minimum(ratio(missing, for_converter), 1.0)
        on_electric = 1.0 - np.minimum(ratio(np.maximum(missing - for_converter, 0.0), for_electric), 1.0)
        made = hot_metal.sum(axis=-1, keepdims=True)
        split = np.where(made > 0, ratio(hot_metal, made), kind["best"])
        melted = electric * on_electric
        self.production[:, :, t] = split * (wanted * on)[..., None] + own + melted[..., None] * kind["scrap"]
        self.hot_metal[:, :, t] = hot_metal
        self.scrap[:, :, t] = scrap * np.stack([on, on_electric, on], axis=-1)
        self.unmet[:, :, t] = wanted * (1.0 - on) + electric * (1.0 - on_electric)
        self.electric = melted
        self.capacity += added[..., None] * kind["best"]
        highest = np.maximum(self.capacity, melted[..., None])
        self.capacity = np.where(kind["scrap"] > 0, highest, self.capacity)
        campaign = self.inputs.uptake.campaign[:, None, None]
        self.put(self.calendar, np.broadcast_to(t + campaign, added.shape), added)
