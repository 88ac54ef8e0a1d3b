import { Button, MultiSelect, SegmentedControl, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Release } from '../../api/client';
import { queries } from '../../api/queries';
import classes from './plan.module.css';
import { fill as filled, TEMPLATES, type Template } from './template';

/** Stages and guards that have proved themselves, to go on from. */
export function TemplatePicker({ fill }: { fill: (part: Partial<Release>) => void }) {
  const places = useQuery(queries.venues()).data?.items ?? [];
  const [template, setTemplate] = useState<Template>('festival');
  const [venues, setVenues] = useState<string[]>([]);
  const [metric, setMetric] = useState('checkout');
  const fromScratch = template === 'scratch';
  const missing = !fromScratch && (!metric.trim() || (template !== 'checkout' && venues.length === 0));
  return (
    <section className="panel" aria-labelledby="template-title">
      <h2 id="template-title">Begin with a template</h2>
      <SegmentedControl
        aria-label="Template"
        value={template}
        onChange={(value) => setTemplate(value as Template)}
        data={Object.entries(TEMPLATES).map(([value, { label }]) => ({ value, label }))}
        className={classes.templates}
      />
      <Text size="sm" className="soft" my={6}>
        {TEMPLATES[template].about}
      </Text>
      <div className={classes.fields}>
        {!fromScratch && (
          <>
            <MultiSelect
              className={classes.wide}
              label="Venues, the one that risks least first"
              placeholder={
                venues.length ? undefined : template === 'checkout' ? 'All venues' : 'Which venues'
              }
              searchable
              limit={50}
              value={venues}
              onChange={setVenues}
              data={places.map(({ document }) => ({ value: document.key, label: document.name }))}
            />
            <TextInput
              label="What programs track"
              value={metric}
              onChange={(event) => setMetric(event.currentTarget.value)}
            />
          </>
        )}
        <Button
          variant="default"
          style={{ alignSelf: 'end', justifySelf: 'start' }}
          disabled={missing}
          onClick={() => fill(filled(template, { venues, metric: metric.trim() }))}
        >
          Fill in stages and guards
        </Button>
      </div>
    </section>
  );
}
