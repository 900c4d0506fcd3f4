import { pressure } from './pressure.ts';

pressure({ stores: 5000, deliveries: 200, octets: 8 * 1024 * 1024 });
