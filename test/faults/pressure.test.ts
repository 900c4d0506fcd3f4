import { pressure } from './pressure.ts';

pressure({ stores: 400, deliveries: 40, octets: 2 * 1024 * 1024 });
