"""`/metrics`: the program's numbers in the words of Prometheus."""

import asyncio
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from core.api.calls import Answer, Call
from core.domain.messages import LoadMetrics
from core.metrics import Family, Kind


async def metrics(call: Call) -> Answer:
    """Answer with every number of now, from memory."""
    families = (*await call.do(LoadMetrics()), *call.own.families())
    # Some hundred lines take milliseconds, which the loop of the orders has better uses for.
    text = await asyncio.to_thread(exposition, families)
    return Answer(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def exposition(families: Sequence[Family]) -> bytes:
    """Write numbers, and those of the process itself, as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Hand the families over; the library calls this."""
        return [_metric(family) for family in self._families]


def _metric(family: Family) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family)
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    made = kind(family.name, family.meaning, labels=family.labels)
    for sample in family.samples:
        made.add_metric(sample.labels, sample.value)
    return made


def _histogram(family: Family) -> Metric:
    made = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
    names = [*(repr(bound) for bound in family.bounds[:-1]), "+Inf"]
    for spread in family.spreads:
        buckets = [(name, float(count)) for name, count in zip(names, spread.counts, strict=True)]
        made.add_metric(spread.labels, buckets, spread.total)
    return made
