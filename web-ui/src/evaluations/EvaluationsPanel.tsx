import { Group, SegmentedControl, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Evaluations } from '../api/client';
import { queries } from '../api/queries';
import { useVenueName } from '../convergence/names';
import { Export } from '../shell/export/Export';
import { count } from '../shell/numbers';
import { Ends, Legend, Plot } from '../shell/Plot';
import { Failed, Loading, Table } from '../shell/states';
import { Time } from '../shell/Time';
import classes from './evaluations.module.css';
import {
  type By,
  chartWords,
  HEIGHT,
  type Line,
  linesOf,
  pathOf,
  SPANS,
  type Span,
  timeWords,
  topOf,
  WIDTH,
} from './series';

const BY: { value: By; label: string }[] = [
  { value: 'variant', label: 'Variant' },
  { value: 'venue', label: 'Venue' },
  { value: 'reason', label: 'Reason' },
];
const SPAN_CHOICES = Object.entries(SPANS).map(([value, { label }]) => ({ value, label }));

/** How often a flag was evaluated: drawn, as a table, and as a file. */
export function EvaluationsPanel({ flag, environment }: { flag: string; environment: string }) {
  const [span, setSpan] = useState<Span>('24h');
  const [by, setBy] = useState<By>('variant');
  const { step } = SPANS[span];
  const nameOf = useVenueName();
  const asked = useQuery(queries.evaluations({ flag, environment, by, span }));
  const lines = asked.data ? linesOf(asked.data, by, nameOf) : [];
  return (
    <section className="panel" aria-labelledby="evaluations-title">
      <Group justify="space-between" mb="xs">
        <h2 id="evaluations-title">Evaluations</h2>
        <Group gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="By"
            data={BY}
            value={by}
            onChange={(value) => setBy(value as By)}
          />
          <SegmentedControl
            size="xs"
            aria-label="How far back"
            data={SPAN_CHOICES}
            value={span}
            onChange={(value) => setSpan(value as Span)}
          />
        </Group>
      </Group>
      {asked.isPending && <Loading what="evaluations" />}
      {asked.error && <Failed error={asked.error} retry={() => asked.refetch()} />}
      {asked.data && (
        <>
          <Said found={asked.data} environment={environment} />
          {lines.length > 0 && <Chart lines={lines} times={asked.data.times} span={span} />}
          {lines.length > 0 && (
            <Group justify="space-between" align="flex-start">
              <Counts lines={lines} times={asked.data.times} step={step} />
              <Export
                name={`evaluations-${flag}-${environment}`}
                table={{
                  columns: [
                    { key: 'from', title: 'From', of: (n: number) => asked.data.times[n] },
                    ...lines.map((line) => ({
                      key: line.name,
                      title: line.name,
                      of: (n: number) => line.counts[n],
                    })),
                  ],
                  rows: asked.data.times.map((_, n) => n),
                }}
              />
            </Group>
          )}
        </>
      )}
    </section>
  );
}

/** When it was last evaluated, and what is not known. */
function Said({ found, environment }: { found: Evaluations; environment: string }) {
  return (
    <Text size="sm" className="soft">
      {found.last ? (
        <>
          Last evaluated in {environment} <Time at={found.last} />.{' '}
        </>
      ) : (
        <>
          Not evaluated in {environment} since <Time at={found.since} />, when counting began.{' '}
        </>
      )}
      What is drawn is what programs say that they have shown, and what is asked for alone.
      {found.isFolded && ' Venues of the oldest days stand as one, for room.'}
    </Text>
  );
}

type ChartProps = { lines: readonly Line[]; times: readonly string[]; span: Span };

function Chart({ lines, times, span }: ChartProps) {
  const top = topOf(lines);
  const { step } = SPANS[span];
  const [first, last] = [times[0], times.at(-1)];
  return (
    <figure className={classes.chart}>
      <Plot
        top={count(top)}
        bottom="0"
        label={chartWords(lines, span)}
        width={WIDTH}
        height={HEIGHT}
        lines={lines.map((line, n) => ({ line: n, path: pathOf(line.counts, top) })).reverse()}
      />
      <Ends from={first ? timeWords(first, step) : ''} to={last ? timeWords(last, step) : ''} beside />
      <Legend lines={lines.map((line, n) => ({ line: n, words: `${line.name} ${count(line.total)}` }))} />
    </figure>
  );
}

type CountsProps = { lines: readonly Line[]; times: readonly string[]; step: 'hour' | 'day' };

/** The same as a table. */
function Counts({ lines, times, step }: CountsProps) {
  return (
    <details className={classes.counts}>
      <summary>As a table</summary>
      <Table label="Evaluations over time">
        <thead>
          <tr>
            <th scope="col">From</th>
            {lines.map(({ name }) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((at, n) => (
            <tr key={at}>
              <th scope="row">{timeWords(at, step)}</th>
              {lines.map(({ name, counts }) => (
                <td key={name}>{count(counts[n] ?? 0)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </Table>
    </details>
  );
}
