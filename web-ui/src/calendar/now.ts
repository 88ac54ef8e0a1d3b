import { useEffect, useState } from 'react';

/** What is on changes this often at most. */
const EVERY_MS = 15_000;

/** The time, kept up to date while a screen is open. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
