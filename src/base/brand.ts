declare const brand: unique symbol;
/** A string that was checked, and says as what. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
