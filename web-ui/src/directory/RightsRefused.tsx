import { Alert, Text } from '@mantine/core';
import { ApiError } from '../api/client';
import { Failed } from '../shell/states';

/** Why somebody's rights are as they were: refused, or changed by somebody else meanwhile. */
export function RightsRefused({ error, name }: { error: unknown; name: string }) {
  if (!(error instanceof ApiError && error.isOutdated)) return <Failed error={error} />;
  return (
    <Alert
      className="notice"
      color="yellow"
      title={`Somebody else has changed the account of ${name} meanwhile`}
      my="sm"
      role="alert"
    >
      <Text size="sm">
        Nothing was changed now. Look at what they may do, and do it again if it still fits.
      </Text>
    </Alert>
  );
}
