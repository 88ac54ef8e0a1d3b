import { Text, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Flag } from '../api/client';
import { queries } from '../api/queries';
import { useChooseEnvironment, useEnvironment } from '../shell/environment';
import { StateChip } from './FlagsPage';
import classes from './flags.module.css';

/** How a flag stands in every environment; a click shows that one. */
export function EnvironmentStates({ flag }: { flag: Flag }) {
  const shown = useEnvironment();
  const choose = useChooseEnvironment();
  const environments = useQuery(queries.workspace()).data?.environments ?? [];
  return (
    <ul className={classes.environments} aria-label="State per environment">
      {environments.map((environment) => (
        <li key={environment.key}>
          <UnstyledButton
            className={classes.environment}
            aria-current={environment.key === shown ? 'true' : undefined}
            onClick={() => choose(environment.key)}
          >
            <Text size="sm" fw={600}>
              {environment.name}
            </Text>
            <StateChip config={flag.environments?.[environment.key]} />
          </UnstyledButton>
        </li>
      ))}
    </ul>
  );
}
