import { useQuery } from '@tanstack/react-query';
import { useParams, useSearch } from '@tanstack/react-router';
import type { Release } from '../../api/client';
import { queries } from '../../api/queries';
import { useEnvironment } from '../../shell/environment';
import { Failed, Head, Loading } from '../../shell/states';
import { PlanForm } from './PlanForm';

/** A release that is new. */
export function NewReleasePage() {
  const environment = useEnvironment();
  const { flag } = useSearch({ from: '/new-release' });
  const empty: Release = {
    key: '',
    flag: flag ?? '',
    environment,
    variant: '',
    control: '',
    stages: [{ name: 'all' }],
    guards: [],
  };
  return (
    <>
      <Head title="Plan a release" about="It begins when somebody starts it, not when it is saved." />
      <PlanForm initial={empty} />
    </>
  );
}

/** One that does not run. */
export function ChangePlanPage() {
  const { key } = useParams({ from: '/releases/$key/plan' });
  const found = useQuery(queries.release(key));
  if (found.isPending) return <Loading what="the release" />;
  if (!found.data) return <Failed error={found.error} retry={() => found.refetch()} />;
  const { release, version } = found.data;
  return (
    <>
      <Head title={`Plan of ${release.name || release.key}`} />
      <PlanForm key={key} initial={release} version={version} />
    </>
  );
}
