import type { Step } from '../api/client';
import { plainly } from '../shell/plainly';
import { Time } from '../shell/Time';
import classes from './releases.module.css';
import { stepTone, stepWords } from './words';

/** What happened, the newest first, and why. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <section className="panel" aria-labelledby="steps-title">
      <h2 id="steps-title">What happened</h2>
      <ol className={classes.steps} reversed>
        {[...steps].reverse().map((step) => (
          <li key={`${step.at} ${step.kind}`} data-tone={stepTone(step.kind)}>
            <p className={classes.stageName}>{stepWords(step)}</p>
            <p className="soft">
              <Time at={step.at} seconds />
            </p>
            {step.reasons?.map((reason) => (
              <p key={reason}>{plainly(reason)}</p>
            ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
