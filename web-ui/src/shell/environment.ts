import { createContext, useContext } from 'react';

/** The environment that the screens are about, and how to choose another. */
export const EnvironmentContext = createContext({
  current: 'production',
  choose: (_environment: string): void => undefined,
});
export const useEnvironment = () => useContext(EnvironmentContext).current;
export const useChooseEnvironment = () => useContext(EnvironmentContext).choose;
