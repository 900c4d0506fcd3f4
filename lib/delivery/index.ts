export type * from './delivery.ts';
export { createDelivery, type DeliveryParts } from './create-delivery.ts';
export { deliverySection, type DeliverySettings } from './settings.ts';
