import { createContext, useContext } from 'react';

/** The environment that the screens are about. */
export const EnvironmentContext = createContext('production');
export const useEnvironment = () => useContext(EnvironmentContext);
