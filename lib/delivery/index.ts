export type * from './delivery.ts';
export { createDelivery } from './create-delivery.ts';
export { deliverySection } from './settings.ts';
