import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Report } from '../api/client';
import { queries } from '../api/queries';

/** How long to wait for news of a commit before it is asked for. */
const PATIENCE_MS = 1_500;

/**
 * How far a commit has come: as it is told live, or, once a later commit is told of, as the server remembers it.
 * `nobody`: no device that was connected is concerned by it.
 */
export function useReport(seq: number): Report | 'waiting' | 'nobody' {
  const newest = useQuery(queries.convergence()).data;
  const [patientWith, setPatientWith] = useState<number>();
  useEffect(() => {
    const timer = setTimeout(() => setPatientWith(seq), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [seq]);
  const isNewest = newest?.seq === seq;
  const overtaken = newest !== undefined && newest.seq > seq;
  const own = useQuery({
    ...queries.convergenceOf(seq),
    enabled: !isNewest && (overtaken || patientWith === seq),
  });
  if (isNewest) return newest;
  return own.data ?? (own.error ? 'nobody' : 'waiting');
}
