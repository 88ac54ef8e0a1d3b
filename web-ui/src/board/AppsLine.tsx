import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries';
import { appsWords } from './apps';

/** Under the board: which payload schema the apps speak that are connected now. */
export function AppsLine({ environment }: { environment: string }) {
  const apps = useQuery(queries.connectionsIn(environment)).data?.bySdk ?? [];
  const words = appsWords(apps);
  return words ? (
    <p className="soft" style={{ fontSize: 13 }}>
      Connected apps: {words}
    </p>
  ) : null;
}
