"""Ordinary pandas, as a model writes it, works inside and gives what it gives outside."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsg_agent.sandbox import FrameExcerpt, Session

IDIOMS = [
    "df.groupby('workflow').ms.mean()",
    "df.groupby(['workflow', 'region'], observed=True).agg(n=('ms', 'size'), worst=('ms', 'max'))",
    "df.groupby('workflow').apply(lambda g: (g.status >= 500).mean())",
    "df.groupby('workflow').ms.transform('mean')",
    "df.groupby('region', observed=True).filter(lambda g: len(g) > 1)",
    "df.groupby('workflow', dropna=False).size().rename('n').reset_index()",
    "df.merge(pd.DataFrame({'workflow': ['pay', 'ship'], 'owner': ['a', 'b']}), on='workflow', how='left')",
    "pd.merge_asof(df[['at', 'ms']], df[['at', 'status']].assign(at=df['at'] + pd.Timedelta('10min')), on='at')",
    "df.pivot_table(index='workflow', columns='region', values='ms', aggfunc='mean', observed=True)",
    "df.melt(id_vars='workflow', value_vars=['status', 'ms'])",
    "pd.crosstab(df.workflow, df.status)",
    "df.set_index('at').resample('1h').ms.sum()",
    "df.set_index('at').ms.rolling('1h').mean()",
    "df.set_index('at').ms.ewm(span=3).mean()",
    "df['at'].dt.tz_convert('America/New_York').dt.hour",
    "df['at'].dt.tz_convert('UTC').dt.floor('h')",
    "df['at'].dt.strftime('%H:%M')",
    "pd.to_datetime(['2025-01-01 10:00', '2025-01-02 11:30']).tz_localize('Asia/Tokyo')",
    "pd.to_datetime('03/04/25 10:11', format='%d/%m/%y %H:%M')",
    "pd.date_range('2025-03-29', periods=4, freq='D', tz='Europe/Berlin')",
    "df.ms.quantile([0.5, 0.95, 0.99])",
    "df.ms.describe()",
    "df[['status', 'ms']].corr()",
    "df[['status', 'ms']].corr(method='spearman')",
    "df.workflow.str.upper()",
    "df.workflow.str.contains('p', na=False)",
    "df.workflow.str.extract(r'^(.)(.*)$')",
    "df.workflow.str.split('a').str[0]",
    "df.workflow.value_counts(normalize=True)",
    "pd.cut(df.ms, [0, 100, 1000, 10000], labels=['fast', 'slow', 'stuck'])",
    "pd.qcut(df.ms, 2)",
    "df.sort_values(['status', 'ms'], ascending=[False, True]).head(3)",
    "df.nlargest(2, 'ms')",
    "df.query('status >= 500 and ms > 100')",
    "df.eval('seconds = ms / 1000')",
    "df.assign(bad=lambda d: d.status.ge(500)).bad.cumsum()",
    "df.ms.fillna(df.ms.median()).diff()",
    "df.ms.interpolate()",
    "df.dropna().drop_duplicates('workflow').set_index('workflow').ms.to_dict()",
    "pd.concat([df, df], ignore_index=True).duplicated().sum()",
    "np.histogram(df.ms.dropna(), bins=3)[0]",
    "np.polyfit(range(6), df.status, 1).round(6)",
    "np.where(df.status >= 500, 'bad', 'ok')",
    "df.to_csv(index=False)",
    "df.to_json(orient='records', date_format='iso')",
    "df.describe(include='all').shape",
    "df.stack().index.nlevels",
    "df.ms.rank(method='dense')",
    "df.explode('workflow').isna().sum()",
    "df.groupby(pd.Grouper(key='at', freq='1h')).status.max()",
    "df.style.format(precision=1).to_html()[:6]",
]

SCRIPTS = {
    "writes into a frame": ("df['bad'] = df.status >= 500\ndf.loc[0, 'workflow'] = 'x'\ndf.loc[df.bad, 'ms'] = 0\n"
                            "result = [df.workflow[0], float(df.ms.sum()), int(df.bad.sum())]", ["x", 49.5, 2]),
    "groups by a column it changed": ("df.groupby('workflow').size()\ndf.loc[0, 'workflow'] = 'x'\n"
                                      "result = df.groupby('workflow').size().to_dict()",
                                      {"pay": 1, "refund": 1, "ship": 2, "x": 1}),
    "groups by a reversed and a shortened column": (
        "result = [df[::-1].groupby('workflow').size().to_dict(), df[:2].groupby('workflow').size().to_dict()]",
        [{"pay": 2, "refund": 1, "ship": 2}, {"pay": 2}]),
    "standard library": ("import statistics, collections, json, re, math, itertools, datetime as dt\n"
                         "result = [statistics.median([1, 2, 9]), collections.Counter('aab')['a'], json.loads('[1]'),"
                         " re.sub('a', 'b', 'a'), math.comb(4, 2), dt.datetime.strptime('2025', '%Y').year]",
                         [2, 2, [1], "b", 6, 2025]),
    "functions and classes": ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
                              "def f(n): return P(n).x + 1\nresult = [f(n) for n in range(3)]", [1, 2, 3]),
    "print and no value": ("print('seen', len(df))", None),
    "random numbers": ("rng = np.random.default_rng(1)\nresult = len(rng.choice(df.ms, 3))", 3),
    "matrices": ("result = np.linalg.solve(np.array([[2., 0], [0, 4]]), np.array([2., 4])).tolist()", [1.0, 1.0]),
    "a big matrix": ("a = np.ones((500, 500)); result = float((a @ a).sum())", 125000000.0),
    "a time zone by name": ("import zoneinfo, datetime\n"
                            "z = zoneinfo.ZoneInfo('Pacific/Auckland')\n"
                            "result = datetime.datetime(2025, 1, 1, tzinfo=z).utcoffset().total_seconds()", 46800.0),
}  # fmt: skip


@pytest.mark.parametrize("code", IDIOMS)
def test_an_idiom_gives_what_it_gives_outside(code: str, sandbox: Session, frame: pd.DataFrame) -> None:
    result = sandbox.run(code)
    assert result.ok, result.error
    expected = eval(code, {"pd": pd, "np": np, "df": frame.copy()})  # noqa: S307 - what IDIOMS holds, written here
    if isinstance(result.value, FrameExcerpt):
        assert_same_table(result.value, expected)
    elif isinstance(expected, (dict, str, int, float, np.generic)):
        assert result.value == pytest.approx(expected) if isinstance(expected, dict) else result.value == expected
    else:
        assert str(result.value)


def test_there_are_forty() -> None:
    assert len(IDIOMS) >= 40


@pytest.mark.parametrize(("code", "expected"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script(code: str, expected: object, sandbox: Session) -> None:
    result = sandbox.run(code)
    assert result.ok, result.error
    assert result.value == expected


def assert_same_table(table: FrameExcerpt, expected: Any) -> None:
    """The same rows, and the same numbers in them."""
    assert table.rows == len(expected)
    flat = expected.to_frame() if isinstance(expected, (pd.Series, pd.Index)) else pd.DataFrame(expected)
    data = [column for column in table.columns if not column.index]
    assert len(data) == flat.shape[1]
    for position, column in enumerate(data):
        series = flat.iloc[:, position]
        if pd.api.types.is_bool_dtype(series.dtype) or not pd.api.types.is_numeric_dtype(series.dtype):
            continue
        cells = [float("nan") if cell is None else float(cell) for cell in column.cells]
        np.testing.assert_allclose(cells, series.astype(float).to_numpy(), rtol=1e-12)
