import { Button, Group, Select, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body, type Explained } from '../api/client';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { Failed } from '../shell/states';
import { attributes } from './conditions';

/** This attendee, at this venue, then: what do they get, and why? */
export function Tester({ flag, isDraft }: { flag: string; isDraft: boolean }) {
  const environment = useEnvironment();
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const [person, setPerson] = useState('attendee-1');
  const [venue, setVenue] = useState<string | null>(null);
  const [more, setMore] = useState('');
  const [at, setAt] = useState('');
  const ask = useMutation({
    mutationFn: () => {
      // The description of the API says no more than that it is an object.
      const context = {
        targetingKey: person || undefined,
        venue: venue ?? undefined,
        ...attributes(more),
      } as object;
      return body(
        api.POST('/api/v1/evaluate', {
          body: { environment, flag, context, at: at ? new Date(at).toISOString() : undefined },
        }),
      );
    },
  });
  const answer = ask.data?.evaluations[0];
  return (
    <section className="panel" aria-labelledby="tester-title">
      <h2 id="tester-title">Who gets what, and why?</h2>
      {isDraft && (
        <Text size="sm" className="soft" mb={6}>
          It tells what is saved, without your changes.
        </Text>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask.mutate();
        }}
      >
        <Group align="flex-end" gap="sm">
          <TextInput
            label="Person or device"
            value={person}
            onChange={(event) => setPerson(event.currentTarget.value)}
          />
          <Select
            label="Venue"
            placeholder="Any"
            searchable
            clearable
            limit={50}
            value={venue}
            onChange={setVenue}
            data={venues.map(({ document }) => ({ value: document.key, label: document.name }))}
          />
          <TextInput
            label="Attributes"
            placeholder="appVersion=3.2.0 tier=season"
            title={'Numbers, true and false are taken as such; write seat="5" for a text.'}
            value={more}
            onChange={(event) => setMore(event.currentTarget.value)}
          />
          <TextInput
            label="When (your time)"
            type="datetime-local"
            value={at}
            onChange={(event) => setAt(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={ask.isPending}>
            Ask
          </Button>
        </Group>
      </form>
      {ask.error && <Failed error={ask.error} />}
      <div aria-live="polite">{answer && <Answer answer={answer} />}</div>
    </section>
  );
}

function Answer({ answer }: { answer: Explained }) {
  return (
    <>
      <Text mt="md" fw={600} style={{ overflowWrap: 'anywhere' }}>
        {answer.value === undefined ? 'The code’s own default' : JSON.stringify(answer.value)}
        {answer.variant && ` (${answer.variant})`}, {answer.reason}
      </Text>
      <ol style={{ margin: '6px 0 0', paddingLeft: 22, fontSize: 14, overflowWrap: 'anywhere' }}>
        {answer.trace.map((step) => (
          <li key={`${step.step} ${step.rule ?? ''} ${step.text}`}>
            {step.text}
            {step.details?.map((detail) => (
              <div key={detail} className="soft" style={{ whiteSpace: 'pre-wrap' }}>
                {detail}
              </div>
            ))}
          </li>
        ))}
      </ol>
    </>
  );
}
