export { matchHeaderTerms, matchTerms, type HeaderTerm, type SearchTerm } from './match-terms.ts';
