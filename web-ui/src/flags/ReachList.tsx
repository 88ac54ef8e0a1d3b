import { Text } from '@mantine/core';
import type { Reach } from '../api/client';
import { count } from '../shell/numbers';
import { reached, reachWords } from './reach';
import { exposureWords } from './words';

/** Venues that are named. */
const SHOWN = 6;

/** Whom a change reaches, the first of them by name; `own` is the flag that is not named each time. */
export function ReachList({ reach, own }: { reach: Reach; own?: string }) {
  const found = reached(reach);
  return (
    <>
      <Text fw={600} size="sm">
        {reachWords(reach)}
      </Text>
      <ul style={{ margin: '4px 0', paddingLeft: 20, fontSize: 14 }}>
        {found.slice(0, SHOWN).map((one) => (
          <li key={`${one.flag} ${one.environment} ${one.key}`} style={{ overflowWrap: 'anywhere' }}>
            {one.flag !== own && `${one.flag} at `}
            {one.name} in {one.environment}: {exposureWords(one.before).text} →{' '}
            {exposureWords(one.after).text}
          </li>
        ))}
        {found.length > SHOWN && <li>and {count(found.length - SHOWN)} more</li>}
      </ul>
      {reach.prerequisites.length > 0 && (
        <Text size="sm">Flags that lean on it: {reach.prerequisites.join(', ')}</Text>
      )}
    </>
  );
}
