"""The plain model of siting for CP-SAT: one literal a column, cumulative limits, data paid once a region.

Reads the model as JSON, writes {total, bound, cpuSeconds, peakMib}: a run's end is rounded down to the
second and data counts against no budget, so its bound holds and its plan may be slightly too cheap.
"""
import json
import resource
import sys
from collections import defaultdict

from ortools.sat.python import cp_model

given = json.load(sys.stdin)
model = cp_model.CpModel()
cost, held, spent, readers, paid = [], defaultdict(list), defaultdict(list), defaultdict(list), {}
for task in given["tasks"]:
    literals = []
    for column in task["columns"]:
        x = model.new_bool_var("")
        literals.append(x)
        cost.append((x, column["own"]))
        for quota, amount in column["quotas"]:
            run = model.new_optional_fixed_size_interval_var(column["start"], max(column["length"], 1), x, "")
            held[quota].append((run, amount))
        for budget in task["budgets"]:
            spent[budget].append((x, column["money"]))
        for dataset, region, usd in column["data"]:
            if usd:
                readers[dataset, region].append(x)
                paid[dataset, region] = max(usd, paid.get((dataset, region), 0))
    if task["required"]:
        model.add_exactly_one(literals)
    else:
        out = model.new_bool_var("")
        cost.append((out, task["value"]))
        model.add_exactly_one(literals + [out])
for quota, runs in held.items():
    model.add_cumulative([r for r, _ in runs], [a for _, a in runs], given["quotas"][quota])
for budget, terms in spent.items():
    model.add(sum(x * usd for x, usd in terms) <= given["budgets"][budget])
for key, literals in readers.items():
    y = model.new_bool_var("")
    cost.append((y, paid[key]))
    for x in literals:
        model.add_implication(x, y)
model.minimize(sum(x * usd for x, usd in cost))
solver = cp_model.CpSolver()
solver.parameters.num_workers = 1
solver.parameters.max_time_in_seconds = given["seconds"]
solver.parameters.random_seed = given["seed"]
status = solver.solve(model)
used = resource.getrusage(resource.RUSAGE_SELF)
found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
json.dump(
    {
        "total": solver.objective_value / 1e6 if found else None,
        "bound": solver.best_objective_bound / 1e6 if status != cp_model.INFEASIBLE else None,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "peakMib": used.ru_maxrss / 1024,
    },
    sys.stdout,
)
