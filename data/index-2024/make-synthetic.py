#!/usr/bin/env python3
"""Makes synthetic.csv: 1,300 made-up respondents whose answers add up to every figure in published.csv.

usage: data/index-2024/make-synthetic.py [--check]

Nobody gave these answers. The published figures fix how many say yes in a place; how many do where none is published, and
who does, is drawn with a fixed seed. --check compares with synthetic.csv instead of writing it (exit status 1: it differs).
"""
import csv
import io
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20240510  # the first day of the fieldwork
REGIONS = {
    'Emerging Asia': {'Indonesia': 100, 'Malaysia': 101, 'Philippines': 100, 'Thailand': 100},
    'Developed Asia': {'Hong Kong SAR': 100, 'Japan': 99, 'Singapore': 100, 'South Korea': 100},
    'Europe': {'France': 100, 'Germany': 99, 'UK': 101},
    'Middle East': {'Saudi Arabia': 100, 'UAE': 100},
}
CONTINENTS = {'Asia': ['Emerging Asia', 'Developed Asia'], 'Europe': ['Europe'], 'Middle East': ['Middle East']}
MARKETS = {market: size for region in REGIONS.values() for market, size in region.items()}
# (question, answer): how much the answer goes with hope in technology and with worry about its energy. Made up.
TRAITS = {
    ('believe', 'yes'): (0.7, -0.1), ('understand', 'yes'): (-0.5, 0.2), ('lag', 'yes'): (-0.3, 0.3),
    ('energy', 'yes'): (-0.1, 0.7), ('outweigh', 'yes'): (-0.2, 0.7), ('ai', 'yes'): (0.5, -0.1),
    ('government', 'yes'): (0.2, 0.4), ('saas', 'yes'): (0.4, 0.0), ('goals', 'yes'): (0.5, 0.2),
    ('spreadsheets', 'yes'): (-0.3, 0.2), ('targets', 'yes'): (0.4, 0.2), ('netzero', 'yes'): (0.5, 0.2),
    ('motivation', 'growth'): (0.4, 0.0), ('motivation', 'compliance'): (0.1, 0.3),
    ('motivation', 'mission'): (0.4, 0.1), ('essential', 'yes'): (0.6, 0.0),
    ('procurement', 'renewables'): (0.4, 0.3), ('procurement', 'efficiency'): (0.4, 0.3),
    ('procurement', 'emissions'): (0.3, 0.3),
}
GUESS = {('saas', 'yes'): 41.0, ('ai', 'yes'): 41.0}  # where no total is published
COLUMNS = {item: item[1] if item[0] in ('motivation', 'procurement') else item[0] for item in TRAITS}


def read_published():
    """{item: {place: (value, rounding)}}; the total's place is ''."""
    published, bases = {}, {}
    with open(HERE / 'published.csv', newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            item = row['question'], row['answer']
            published.setdefault(item, {})[row['place']] = float(row['value']), float(row['rounding'])
            bases[item] = row['base']
    return published, bases


def places():
    """Every place that a figure may be published for, with its markets."""
    yield '', list(MARKETS)
    for continent, regions in CONTINENTS.items():
        yield continent, [market for region in regions for market in REGIONS[region]]
    for region, markets in REGIONS.items():
        yield region, list(markets)
    for market in MARKETS:
        yield market, [market]


def find_bounds(sizes, figures, closeness):
    """[(markets, lowest, highest count)] of counts that lie within this part of the rounding of each figure."""
    bounds = []
    for place, markets in places():
        if place in figures:
            value, rounding = figures[place]
            size = sum(sizes[market] for market in markets)
            bounds.append((markets, (value - closeness * rounding) * size / 100, (value + closeness * rounding) * size / 100))
    return bounds


def missed(counts, bounds):
    """By how many respondents the bounds are missed; 0: every figure is met within rounding."""
    sums = ((sum(counts[market] for market in markets), low, high) for markets, low, high in bounds)
    return sum(max(0.0, low - count, count - high) for count, low, high in sums)


def meet_bounds(counts, wanted, sizes, bounds):
    """Moves one respondent at a time, or one from a market to another, as long as that helps; None: not met."""
    steps = [{market: by} for market in MARKETS for by in (-1, 1)]
    steps += [{a: 1, b: -1} for a in MARKETS for b in MARKETS if a != b]

    def cost(counts):
        return 1e6 * missed(counts, bounds) + sum((counts[market] - wanted[market]) ** 2 for market in counts)

    while missed(counts, bounds) > 0:
        tries = [{**counts, **{market: counts[market] + by for market, by in step.items()}} for step in steps]
        best = min((tried for tried in tries if all(0 <= tried[m] <= sizes[m] for m in tried)), key=cost)
        if cost(best) >= cost(counts):
            return None
        counts = best
    return counts


def find_counts(item, sizes, figures, rng):
    """How many say yes in each market, as close to the figures as can be; None when they cannot all be met."""
    wanted = {}
    # A figure published as that of the highest market stays the highest.
    ceiling = min((figures[place][0] for place in figures if place in MARKETS and item[0] == 'motivation'), default=97.0)
    for region, markets in REGIONS.items():
        for market in markets:
            near = figures.get(market) or figures.get(region) or figures.get('') or (GUESS.get(item, 0), 0)
            share = near[0] if market in figures else min(ceiling - 3, max(3.0, rng.gauss(near[0], 5)))
            if item == ('energy', 'yes') and market == 'Philippines':
                share = max(share, 66.0)  # published as above 61
            wanted[market] = share * sizes[market] / 100
    for closeness in (0.3, 0.6, 0.9, 0.999):
        counts = meet_bounds({market: round(share) for market, share in wanted.items()}, wanted, sizes,
                             find_bounds(sizes, figures, closeness))
        if counts:
            return counts
    return None


def make_counts(published, bases, rng):
    """{item: {market: count}}; goals are drawn again until every figure among those with goals can be met."""
    goals = ('goals', 'yes')
    for _ in range(200):
        counts = {goals: find_counts(goals, MARKETS, published[goals], rng)}
        for item, figures in published.items():
            if item != goals:
                sizes = counts[goals] if bases[item] == 'with goals' else MARKETS
                counts[item] = find_counts(item, sizes, figures, rng)
                if counts[item] is None:
                    break
        else:
            return counts
    sys.exit('no counts meet every published figure')


def make_rows(counts, bases, rng):
    number = 0
    for region, markets in REGIONS.items():
        continent = next(name for name, regions in CONTINENTS.items() if region in regions)
        for market, size in markets.items():
            traits = [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(size)]
            answers = [{} for _ in range(size)]
            for item in sorted(counts, key=lambda item: item[0] != 'goals'):
                asked = [i for i in range(size) if bases[item] == 'all' or answers[i]['goals'] == 'yes']
                hope, worry = TRAITS[item]
                leaning = {i: hope * traits[i][0] + worry * traits[i][1] + rng.gauss(0, 0.8) for i in asked}
                yes = set(sorted(asked, key=leaning.get, reverse=True)[:counts[item][market]])
                for i in asked:
                    answers[i][COLUMNS[item]] = 'yes' if i in yes else 'no'
            for answer in answers:
                number += 1
                yield [f'synthetic-{number:04}', market, region, continent] + [
                    answer.get(COLUMNS[item], '') for item in TRAITS]


def main():
    rng = random.Random(SEED)
    published, bases = read_published()
    assert set(published) == set(TRAITS)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow(['id', 'market', 'region', 'continent', *COLUMNS.values()])
    writer.writerows(make_rows(make_counts(published, bases, rng), bases, rng))
    path = HERE / 'synthetic.csv'
    if '--check' in sys.argv[1:]:
        if path.read_text(encoding='utf-8') != out.getvalue():
            sys.exit('synthetic.csv is not what this script makes')
    else:
        path.write_text(out.getvalue(), encoding='utf-8')


if __name__ == '__main__':
    main()
