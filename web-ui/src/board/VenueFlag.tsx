import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { BoardFlag, BoardVenue, Exposure } from '../api/client';
import { ConvergenceLine } from '../convergence/ConvergenceLine';
import { useAct } from '../flags/actions';
import { HoldButton } from '../flags/HoldButton';
import { exposureWords } from '../flags/words';
import { useEnvironment } from '../shell/environment';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import classes from './board.module.css';

type Props = { flag: BoardFlag; venue: BoardVenue; exposure: Exposure | undefined; isPast: boolean };

/** A flag at the one venue that a phone shows, and its kill for whoever may: no other screen, hold and done. */
export function VenueFlag({ flag, venue, exposure, isPast }: Props) {
  const environment = useEnvironment();
  const act = useAct(environment);
  const mayOperate = useMay('operator', { environment, venue: venue.key });
  const words = exposure && exposureWords(exposure);
  const name = flag.name || flag.key;
  const run = (action: 'kill' | 'revive') =>
    act.mutate({ flag: flag.key, action, place: { venues: [venue.key] } });
  return (
    <li className="panel" style={{ marginBottom: 8, padding: 12 }} data-flag={flag.key}>
      <div className={classes.venueFlag}>
        <Link to="/flags/$key" params={{ key: flag.key }} className={classes.venueFlagLink}>
          {name}
          <span className="soft" style={{ display: 'block', fontSize: 13, fontWeight: 400 }}>
            {words?.why}
          </span>
        </Link>
        {words && (
          <span className="chip" data-tone={words.tone}>
            {words.tone === 'killed' ? `killed: ${words.text}` : words.text}
          </span>
        )}
        {isPast || !flag.configured || !mayOperate ? null : flag.killed.venues.includes(venue.key) ? (
          <Button
            size="xs"
            variant="default"
            aria-label={`Revive ${name} at ${venue.name}`}
            loading={act.isPending}
            onClick={() => run('revive')}
          >
            Revive
          </Button>
        ) : (
          <HoldButton
            size="xs"
            aria-label={`Kill ${name} at ${venue.name}`}
            loading={act.isPending}
            onHeld={() => run('kill')}
          >
            Kill
          </HoldButton>
        )}
      </div>
      {act.error && <Failed error={act.error} />}
      {act.data && <ConvergenceLine seq={act.data.seq} venue={venue.key} />}
    </li>
  );
}
