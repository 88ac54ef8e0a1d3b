import { useQuery } from '@tanstack/react-query';
import type { Due, When } from '../api/client';
import { queries } from '../api/queries';
import { Time } from '../shell/Time';
import { turnedWords, whenWords } from './when';

/** When something is done, by the clocks that were meant; and by the reader's, where these are others. */
export function WhenWords({ when, due }: { when: When; due?: Due | null }) {
  const venues = useQuery(queries.venues()).data?.items ?? [];
  const events = useQuery(queries.events()).data?.items ?? [];
  const words = whenWords(when, due ?? undefined, {
    venue: (key) => venues.find(({ document }) => document.key === key)?.document,
    event: (key) => events.find(({ document }) => document.key === key)?.document.name || key,
  });
  const turned = turnedWords(due ?? undefined);
  return (
    <>
      <b>{words}</b>
      {due && typeof when !== 'string' && (
        <span className="soft">
          {' '}
          (<Time at={due.at} /> by your clocks)
        </span>
      )}
      {turned && <span> {turned}</span>}
    </>
  );
}
