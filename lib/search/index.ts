export { matchTerms, type SearchTerm } from './match-terms.ts';
